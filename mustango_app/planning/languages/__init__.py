"""Languages that requests are read in besides English, a file each (see `planning.language`)."""
