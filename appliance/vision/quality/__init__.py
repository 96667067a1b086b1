"""The quality gate: may this photograph be answered at all? One file per check."""
