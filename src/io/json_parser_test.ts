import { assertEquals, assertThrows } from "@std/assert";
import { parseJson } from "./json_parser.ts";

const texts = [
  "{}",
  "[]",
  ' { "a" : [ 1 , -2.5e-3 , true , false , null , "" ] , "b" : { "c" : { } } }\r\n\t',
  '"\\u00e9\\n\\"\\\\/ é 模 \u{1f600} \u007f"',
  "0",
  "-0",
  "1E400",
  '{"__proto__": {"x": 1}, "": 2}',
  "[".repeat(100) + "]".repeat(100),
];

for (const text of texts) {
  Deno.test(`parseJson() reads ${JSON.stringify(text.slice(0, 60))} as JSON.parse does`, () => {
    assertEquals(parseJson(text), JSON.parse(text));
    assertEquals(Object.keys(Object(parseJson(text))), Object.keys(Object(JSON.parse(text))));
  });
}

const refused: [text: string, sentence: string][] = [
  ["", "at line 1, column 1 the end stands where a value should"],
  ["{", 'at line 1, column 2 the end stands where a field\'s name in " " should'],
  ['{"a": }', 'at line 1, column 7 "}" stands where a value should'],
  ['{\n  "a": 1\n  "b": 2\n}', 'at line 3, column 3 "\\"" stands where "," or "}" should'],
  ['{"a" 1}', 'at line 1, column 6 "1" stands where ":" should'],
  ['{"a": 1,}', 'at line 1, column 9 "}" stands where a field\'s name in " " should'],
  ["{a: 1}", 'at line 1, column 2 "a" stands where a field\'s name in " " should'],
  ["[1,]", 'at line 1, column 4 "]" stands where a value should'],
  ["[1 2]", 'at line 1, column 4 "2" stands where "," or "]" should'],
  ["{} {}", 'at line 1, column 4 "{" stands where the end should'],
  ["NaN", 'at line 1, column 1 "N" stands where a value should'],
  ["[-Infinity]", 'at line 1, column 2 "-" stands where a value should'],
  ["[01]", 'at line 1, column 3 "1" stands where "," or "]" should'],
  ["[.5]", 'at line 1, column 2 "." stands where a value should'],
  ["truest", 'at line 1, column 1 "t" stands where a value should'],
  ["'a'", 'at line 1, column 1 "\'" stands where a value should'],
  ['"a\nb"', 'at line 1, column 1 "\\"" stands where a value should'],
  ['"\\x41"', 'at line 1, column 1 "\\"" stands where a value should'],
  ["// a\n{}", 'at line 1, column 1 "/" stands where a value should'],
  ["\uFEFF{}", 'at line 1, column 1 "\uFEFF" stands where a value should'],
  ['{"a": 1, "b": {"a": 2},\n "a": 3}', 'at line 2, column 2 the field "a" is given a second time'],
  ['{"__proto__": 1, "__proto__": 1}', 'at line 1, column 18 the field "__proto__" is given a second time'],
  ["[".repeat(102), "at line 1, column 102 more than 100 brackets are open"],
];

for (const [text, sentence] of refused) {
  Deno.test(`parseJson() says where ${JSON.stringify(text.slice(0, 60))} is no JSON`, () => {
    assertEquals(assertThrows(() => parseJson(text), SyntaxError).message, sentence);
    if (!/second time|brackets/.test(sentence)) assertThrows(() => JSON.parse(text), SyntaxError);
  });
}
