"""A tiny service built on `shared.entrypoints`, whose handlers do what a test asks of them: wait, refuse, raise.

It stands beside the real services only in processes started by `python -m tests.integration.probe_service`.
"""
