"""Knowledge management: articles and answers that solve an incident before a person does.

Owns: articles.
Events in: none.
Events out: none.
"""
