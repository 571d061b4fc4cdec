"""Evaluation (述职评议、两优一先): what a year's facts say of a unit or of a secretary, filed as it was issued.

A dossier is built from facts alone, each named by its position: outcomes, titles, reports in time and late, measures,
discipline with money. It says what it may be used for, and counts nothing up: the yearly evaluation of secretaries and
commendations are decided elsewhere. What an appeal undid or an excuse took back counts against nobody. Clause 五 of the
call of 2020: 建设成效作为基层党组织书记抓党建工作述职评议考核、"两优一先"评选表彰的重要依据.
"""
