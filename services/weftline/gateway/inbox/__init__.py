"""The inbox of one factory as pages for a phone: its open alerts, each with its evidence, what to do, its history and its answers.

:mod:`.session` says who reads, :mod:`.reading` what there is for him, :mod:`.refused` why a lot was not accepted and what now,
:mod:`.drawing` makes pages of it, :mod:`.routes` serves them. No page has a script; what a reader does is a link or a form.
"""
