"""asterisk-missed: who called and was not answered is called back, once."""
