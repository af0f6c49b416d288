"""The rules of notification: whom an event concerns, how a delivery lives, what an answer of a channel means."""
