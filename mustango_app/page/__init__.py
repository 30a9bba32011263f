"""The Gradio page and its HTTP API; no other room knows Gradio.

`layout` says what stands where, `blocks` connects it, `server` serves it, `words` speaks the visitor's language,
`fields`, `held` and `timeline` show a plan, `link` puts a recipe into an address, `handlers` answer events, `runs` and
`making` do the work, `shaping` is the work on what is there, `results`, `live` and `cards` keep and show what was made,
`api` with `endpoints` is for programs, `guard` stands before it all, `command` is `mustango serve`, `zero` is for
Hugging Face; `plots` draws for reports.
Public: `build_demo`, `launch_options`, `serve`, `plot_asked_and_heard`.
"""
