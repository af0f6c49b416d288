"""What `deskwire sla` shows and computes beside the service: terminal views, the signed page, the back-test."""
