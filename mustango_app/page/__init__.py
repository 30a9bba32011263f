"""The Gradio page and its HTTP API; no other room knows Gradio.

`blocks` lays out and connects, `text` writes what the page says, `plots` draws what was asked and heard.
Public: `build_demo`, `launch_options`, `serve`, `plan_table`, `plot_clip`, `plot_asked_and_heard`.
"""
