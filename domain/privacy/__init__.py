"""Privacy: what is kept of a person is destroyed once nothing requires it any more, and the record stays whole.

The head of the office defines how long what is kept of a person must be kept after their last day in office. Then one
proposes the erasure on a legal basis, and another approves it; neither may be the person. A legal hold stops it. The
fact that approves it names the very digests that nobody can open afterwards, so that an auditor knows what is missing
and why; names were never in the record, and every proof stays valid. 个人信息保护法第四十七条: 保存期限已届满,
应当主动删除个人信息.
"""
