"""Where the web process is put together: environment, engines, settings and URLs."""
