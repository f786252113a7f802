class EnergyError(Exception):
    """Something that the user can put right; the message says what, where and how."""
