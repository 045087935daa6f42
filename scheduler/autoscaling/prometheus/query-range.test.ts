import { expect, test } from "vitest";
import { isOfNewestSamples, queryRangeMs } from "./query-range.ts";

const second = 1_000;
const minute = 60_000;
const hour = 3_600_000;
const day = 86_400_000;

test.each([
  ["nothing", "sum(up)", 0],
  ["a range", "rate(x[5m])", 5 * minute],
  ["the longest of several", "rate(x[5m]) / rate(y[1h])", hour],
  ["ranges side by side are not added", "rate(x[5m]) + rate(y[5m])", 5 * minute],
  ["units together", "rate(x[1h30m15s500ms])", hour + 30 * minute + 15 * second + 500],
  ["days, weeks and years", "max_over_time(x[1d]) + max_over_time(x[1w]) + max_over_time(x[1y])", 365 * day],
  ["seconds without a unit", "rate(x[300])", 5 * minute],
  ["blanks", "rate( x [ 5m ] )", 5 * minute],
  ["a subquery over a range", "max_over_time(rate(x[5m])[1h:1m])", hour + 5 * minute],
  ["a subquery with the usual step", "max_over_time(rate(x[5m])[1h:])", hour + 5 * minute],
  ["subqueries in each other", "max_over_time(avg_over_time(rate(x[5m])[10m:])[1h:1m])", hour + 15 * minute],
  ["an offset", "x offset 1d", day],
  ["an offset of a range", "rate(x[5m] offset 1h)", hour + 5 * minute],
  ["an offset of a subquery", "max_over_time(rate(x[5m])[1h:1m] offset 1d)", day + hour + 5 * minute],
  ["an offset ahead counts as one back", "x offset -5m", 5 * minute],
  ["an offset in upper case", "x OFFSET 5m", 5 * minute],
  ["an offset of one operand only", "x offset 1h + rate(y[5m])", hour],
  ["an offset after @", "rate(x[5m] @ 1609746000 offset 1h)", hour + 5 * minute],
  ["@ end()", "rate(x[5m] @ end())", 5 * minute],
  ["labels after the aggregation", "sum(rate(x[5m])) by (job) > 3", 5 * minute],
  ["labels before it", 'sum by (job, instance) (rate(x{a="b"}[5m]))', 5 * minute],
  ["a range in a string", 'label_replace(up, "a", "x[1d]", "b", \'y[1d]\')', 0],
  ["a range in a raw string", "count_values(`[1d]`, up)", 0],
  ["a quote in a string", String.raw`count_values("\"[1d]", up)`, 0],
  ["a range in a matcher", 'rate(x{path="/[1d]", other=~"}[2d]"}[5m])', 5 * minute],
  ["a range in a comment", "rate(x[5m]) # [1d]\n + y", 5 * minute],
  ["a hash in a string is no comment", 'x{a="#"} + rate(y[5m])', 5 * minute],
  ["a metric that begins as an offset does", "offsets + rate(offset_5m[5m])", 5 * minute],
  ["colons in a name", "job:requests:rate5m", 0],
  ["parentheses that are not closed", "sum(rate(x[5m]", 5 * minute],
  ["parentheses that were not opened", "x)) + rate(y[5m])", 5 * minute],
])("queryRangeMs: %s", (_, query, expected) => {
  expect(queryRangeMs(query)).toBe(expected);
});

test.each(["{", "[", '{"', "(", "`", '"\\', "#", "[1h:", "{a='", "@", "offset "])(
  "queryRangeMs: a query of %j alone takes no time",
  (part) => {
    const query = part.repeat(8192 / part.length);
    const before = process.cpuUsage();
    queryRangeMs(query);
    isOfNewestSamples(query);
    const { user } = process.cpuUsage(before);
    expect(user).toBeLessThan(1_000_000);
  },
);

test.each([
  ["sum(up)", true],
  ['sum(x{a="[5m]"}) / count(y)', true],
  ["rate(x[5m])", false],
  ["x offset 5m", false],
  ["x @ 1609746000", false],
  ["time() - x", false],
  ["hour()", false],
  ["max(timestamp(x))", false],
])("isOfNewestSamples: %s is %s", (query, expected) => {
  expect(isOfNewestSamples(query)).toBe(expected);
});
