"""Rules that a value must keep, in Chinese: what stands as ``rule`` among the figures of a refusal is English data.

Each line is the English rule, with ``{}`` where figures stand, and the Chinese one with the same figures in order. What
is no sentence, such as the name of a rule of eligibility, is the same in both languages.
"""

from __future__ import annotations

import functools
import re
from typing import Final

__all__ = ["CHINESE", "in_chinese"]

CHINESE: Final[dict[str, str]] = {
    # Headers and parameters.
    "at most once": "至多出现一次",
    "1 to 200 visible ASCII characters": "1 至 200 个可见 ASCII 字符",
    'one version, as in "123"': '一个版本号,如 "123"',
    "a day, as in 2020-05-09": "日期,如 2020-05-09",
    "the id of a person": "人员编号",
    "code; document=id, the id like {}": "事由代码;document=文件编号,编号形如 {}",
    "code; document=<id>": "事由代码;document=<文件编号>",
    "a whole number": "整数",
    "a whole number from {} to {}": "{} 至 {} 的整数",
    "percent-encoded UTF-8": "百分号编码的 UTF-8",
    "true or false": "true 或 false",
    "oldest or newest": "oldest 或 newest",
    "not before first_day": "不早于 first_day",
    "an instant with its offset (RFC 3339)": "带时差的时刻(RFC 3339)",
    "a value of the field it filters by": "所筛选栏目的取值",
    "one of {}, or with - before it": "{} 之一,或在其前加 -",
    "one of {}": "{} 之一",
    "each one of {}": "每项均为 {} 之一",
    "not together with at_position": "不得与 at_position 同用",
    "not together with {}_position": "不得与 {}_position 同用",
    "this view is not read by effective day": "该视图不支持按生效日读取",
    "not beyond the head, {}": "不得超出最新位置 {}",
    "not beyond {}": "不得超出 {}",
    "must be given": "必须给出",
    "only together with year": "仅可与 year 同用",
    "the name of a row of this statement": "本报表某行的名称",
    "{} at least": "至少 {}",
    "a size of the log": "日志规模",
    "the stored name of an event": "事件的存储名称",
    "the name of an automation": "自动处理规则的名称",
    "code:basis points, each of these once at most: {}": "代码:基点,下列每项至多一次:{}",
    "kind:id": "类别:编号",
    "a cursor that a page of this list gave": "本列表某页所给的游标",
    "a cursor of this very question, filters and sort included": "同一查询(含筛选与排序)所给的游标",
    "a cursor of the same position": "同一位置的游标",
    "a field that this view sorts by": "本视图可排序的栏目",
    "a field that this view filters by": "本视图可筛选的栏目",
    "a field that can be compared": "可比较的栏目",
    "a key of {} parts": "由 {} 部分组成的键",
    # Bodies, as the decoder says it.
    "Expected {}, got {}": "应为 {},实为 {}",
    "Expected {} matching regex {}": "应为符合正则式 {1} 的 {0}",
    "Expected {} of length >= {}": "应为长度至少 {1} 的 {0}",
    "Expected {} of length <= {}": "应为长度至多 {1} 的 {0}",
    "Expected {} of length {}": "应为长度 {1} 的 {0}",
    "Expected {} >= {}": "应为不小于 {1} 的 {0}",
    "Expected {} <= {}": "应为不大于 {1} 的 {0}",
    "Expected {} >= {}, got {}": "应为不小于 {1} 的 {0},实为 {2}",
    "Expected {} <= {}, got {}": "应为不大于 {1} 的 {0},实为 {2}",
    "Expected {} with a timezone component": "应为带时差的 {}",
    "Invalid RFC3339 encoded {}": "不是 RFC 3339 格式的 {}",
    "Invalid UUID": "不是 UUID",
    "Invalid enum value": "不在可选值之列",
    "Invalid value": "取值不合法",
    "Number out of range": "数字超出范围",
    "Object contains an unknown field": "含有未知栏目",
    "A required field is missing": "缺少必填栏目",
    # Formats.
    "more than {} rows": "超过 {} 行",
    "a text of more than {} characters": "有超过 {} 个字符的文本",
    # Commands.
    "a name": "须有姓名",
    "nothing but {}": "除 {} 外不得有其他内容",
    "a text for each criterion that is rated, and for no other": "每项已评标准各有一段文字,此外没有",
    "at least one, each criterion once": "至少一项,每项标准一次",
    "at least one, each once": "至少一项,每项一次",
    "an amount above zero": "金额大于零",
    "each category and year once": "每个类别与年度一次",
    "not negative": "不得为负",
    "at least one": "至少为一",
    "at least one day": "至少一天",
}
_HOLE: Final = re.compile(r"\\\{\\\}")


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Every rule as a pattern, those with more words of their own first."""
    ordered = sorted(CHINESE, key=lambda rule: -len(rule.replace("{}", "")))
    return tuple((re.compile(_HOLE.sub("(.+)", re.escape(rule)), re.DOTALL), CHINESE[rule]) for rule in ordered)


def in_chinese(rule: str) -> str:
    """A rule in Chinese; what is no sentence stays as it is."""
    for pattern, chinese in _patterns():
        if match := pattern.fullmatch(rule):
            return chinese.format(*match.groups())
    return rule
