"""What pages of ours have in common, whoever serves them: the words of both languages, colours, how figures are written, and how the
evidence of an alert is read and drawn. The built-in board and the gateway's inbox are made of it; nothing here serves anything.
"""
