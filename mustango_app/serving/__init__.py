"""Many requests: a file of them, made by processes or a Ray cluster, and a service of several workers.

`requests_file` makes the clips of a file and can be stopped and run again, `commands` is its command line, `answering`
answers HTTP requests with one model, `ray_service` puts it on Ray Serve, a replica a model.
Public: `make_all`, `Answering`, `application`.
"""
