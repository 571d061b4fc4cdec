"""Nomination (推荐): a parent unit decides (研究确定), vets the materials (审核把关) and stands by what it files.

Its places are counted per nominating unit and track: a filing uses one, a withdrawal or a rejection at screening gives
it back, and recommending none is lawful. Who prepared the materials neither decides nor vets.
"""
