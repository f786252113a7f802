# SPDX-License-Identifier: Apache-2.0
class EnergyError(Exception):
    """Something that the user can put right; the message says what, where and how."""
