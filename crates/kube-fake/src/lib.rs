//! A Kubernetes API server in memory: a store without I/O, and HTTP around it.
