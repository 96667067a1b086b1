"""How the box is: one file per check. Each says what is wrong and what to do, and nothing of a patient."""
