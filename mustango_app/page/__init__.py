"""The Gradio page and its HTTP API; no other room knows Gradio.

`layout` says what stands where, `blocks` connects and serves it, `fields` and `timeline` show a plan, `handlers`
answer events, `runs` and `making` do the work, `results` and `cards` keep what was made, `api` is for programs,
`guard` stands before it all; `plots` draws for reports.
Public: `build_demo`, `launch_options`, `serve`, `plot_asked_and_heard`.
"""
