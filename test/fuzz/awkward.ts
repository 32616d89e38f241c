/** Texts, written as JSON strings with two blanks between them. */
function texts(...lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => line.split('  ')).map((text): string => JSON.parse(`"${text}"`));
}

/** What parsers of text stumble over when it comes a million times. */
export const repeatedTexts: readonly string[] = [
  ...' \t\n\ra09_-/.,:;\'"`$([{<>}])*?=|\\#!@%&~^+\0',
  ...texts(
    String.raw`\u2028  \u00a0  é  \ud83d\ude00  \r\n  /*  /*a  */  --  $$  $$a  ''  \"\"  'a  \"a  \u0020a  a\u0020  \na  \n\u0020`,
    String.raw`a.  /a  a=  a,  a:  a-  1\u0020  1\t  \t1  {}  {\"a\":  [[  []  ()  (a,  a<  <a>  </  <a\u0020  -\u0020  ?\u0020`,
    String.raw`&a\u0020  *a\u0020  message=\"  \" info={}  'error_code_map': {  <Code>  <style  |\u0020  a b\u0020  ;\n  AS $$  \\x0a  %Y  !a  *a*  @a`,
  ),
];

export const awkwardNumbers: readonly string[] = [
  ...texts(
    '0  -0  -1  1  255  65536  2147483647  -2147483649  4294967295  4294967296  9007199254740993  18446744073709551616',
    '1e308  1e999  -1e999  NaN  Infinity  -Infinity  0x7fffffff  1.5  .5  1e-400  00  ١  8640000000001  -62167219201',
  ),
  '9'.repeat(25),
  '9'.repeat(400),
  `-${'9'.repeat(400)}`,
];

export const awkwardTexts: readonly string[] = [
  '',
  ...texts(
    String.raw`\u0000  \n  \r  \r\n  \t  \u001b[2J  \u2028  \u202e  \ufeff  \ud83d\ude00  \u0020  ..  ../../etc/passwd  /  //  ~`,
    '__proto__  constructor  toString  hasOwnProperty  null  true  {}  []  $$  /*  */  --  ;  `id`  $(id)  %s  %n  [::1]:7000  é',
    String.raw`\"\"  ''  \"__proto__\":{\"a\":1},  {\"format\":1}  !!js/function  &a [*a]  <<: *a  \\u0000  \\x`,
  ),
];
