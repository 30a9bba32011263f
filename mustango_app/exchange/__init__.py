"""Music in the forms that other programs read and write: MIDI (`midi_read.read_midi` and `read_melody`,
`midi_write.write_midi`), any file as a plan (`files.plan_from_file`), what was heard as a plan (`heard`), and a folder
with all that goes with a clip (`export.export`). Nothing here needs torch.
"""
