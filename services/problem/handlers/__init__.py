"""The use cases of problem: commands of people, questions, and incidents that come in."""
