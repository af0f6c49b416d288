"""The rules of sla: calendars, policies, and clocks as a pure fold over an incident's history."""
