"""Deskwire on many machines: manifests for kustomize, the image, users of the broker, alert rules.

`base/` is written by `python -m deploy.k8s` from the services that exist; the overlays are edited by hand.
"""
