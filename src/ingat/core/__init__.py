"""What every floor stands on: records, errors, clock, ids, roles, policy, settings and token counts."""
