from hypothesis import settings

# The first question in a process loads the calendar library; how long one example takes says nothing here.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
