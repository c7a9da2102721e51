//! What a Kubernetes API server does, scenario by scenario, as checks over HTTP. It knows nothing of what it tests but the address.
