"""Who a shopper is, where pages of the shop sign nothing: a code by mail, then a token of ours. Read tokens.py, commands.py."""
