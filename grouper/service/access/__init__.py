"""Who may: accounts, sessions, keys, rights and reach."""
