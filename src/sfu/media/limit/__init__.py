"""Who may be sent how much: what receivers take, and how sources are told."""
