"""Pages are executed on this machine, by kernels that nobody else is told of: their warning about that is not shown."""

get_config().IPKernelApp.log_level = "ERROR"  # noqa: F821  # defined where this file is read
