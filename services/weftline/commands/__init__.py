"""The commands of ``weftline``, by who needs them. They parse, call and print; what they do lives in the packages, imported when it
is needed, so that the SDK's commands work without the heavy extras.
"""
