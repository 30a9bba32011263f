"""Learning: codecs, MuNet with its encoders, and what trainings share (budget, checkpoints, the pool of examples).

A run lives in one folder and goes on where it stopped; what runs it from one JSON file is `mustango_app.train`.
Public: `Budget`, `run_training`, `Pool`, `MuNetTraining`, `train_munet`, `AutoencoderTraining`, `train_autoencoder`.
"""
