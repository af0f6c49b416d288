"""The use cases of change: commands of people, questions, and deployments that pipelines report."""
