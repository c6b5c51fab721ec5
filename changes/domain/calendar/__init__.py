"""The change calendar: recurring windows, freezes with a scope, conflicts, free slots, layouts and the iCalendar feed.

Pure rules. `zones` knows wall clocks, `rules` reads RFC 5545 recurrence rules and `occurrences` works them out in
bounded steps; `recurring` and `freezes` are what people declare, `scope` says for which devices, `legality` judges a
period, `conflicts` finds what stands in its way, `waivers` says who may let it through, `slots` looks for a free
period, `layout` lays out months, weeks and lists, `feed` writes iCalendar.
"""
