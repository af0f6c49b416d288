"""How Deskwire is put on machines: `local` for one, `k8s` for many."""
