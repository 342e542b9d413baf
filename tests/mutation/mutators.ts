/**
 * The small mistakes that the tests must notice. This is a plugin for `deno lint`. Instead of
 * problems it reports each possible edit of a file. The parser, the syntax tree and the traversal
 * are Deno's, so nothing needs to be installed.
 *
 * Each diagnostic's message is an {@linkcode Edit} in JSON. Types, which never change behaviour,
 * and mere wording (texts and regular expressions) are not edited.
 *
 * @module
 */

/** An edit of a file. */
export interface Edit {
  /** The kind of mistake. */
  readonly mutator: string;
  /** The start of the replaced text, in UTF-16 code units. */
  readonly start: number;
  /** The end of the replaced text. */
  readonly end: number;
  /** The replacement. */
  readonly text: string;
  /** The class and functions that contain it, such as `Counter.inc`. Empty at the top level. */
  readonly within: string;
}

type Node = Deno.lint.Node;
type NodeOf<T extends Node["type"]> = Extract<Node, { type: T }>;

/** The operators that may replace each operator. */
const OPERATORS: Record<string, readonly string[]> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "==": ["!="],
  "!=": ["=="],
  "&&": ["||"],
  "||": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "&": ["|"],
  "|": ["&"],
  "^": ["&"],
  "+=": ["-="],
  "-=": ["+="],
  "*=": ["/="],
  "/=": ["*="],
  "<<=": [">>="],
  ">>=": ["<<="],
  ">>>=": ["<<="],
  "|=": ["&="],
  "&=": ["|="],
  "??=": ["="],
  "||=": ["&&="],
  "&&=": ["||="],
};

/** Matches a comment, or the characters of an operator. */
const COMMENT_OR_OPERATOR_REGEXP = /\/\*[^]*?\*\/|\/\/[^\n]*|[-+*/%<>=!&|^?]+/g;

/** Returns the names of a node's ancestors, from the outside in. */
function nameScope(nodes: Node[]): string {
  const names: string[] = [];
  for (const node of nodes) {
    if (node.type === "MethodDefinition" || node.type === "PropertyDefinition") {
      const { key } = node;
      if (key.type === "Identifier") names.push(key.name);
      else if (key.type === "PrivateIdentifier") names.push(`#${key.name}`);
    } else if (
      (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") && node.id !== null
    ) {
      names.push(node.id.name);
    }
  }
  return names.join(".");
}

const isComparison = (operator: string): boolean => /^[<>=!]=?=?$/.test(operator);

/** Returns whether an operand of `+` is certainly a string. */
function isText(node: Node): boolean {
  return node.type === "TemplateLiteral" ||
    (node.type === "Literal" && typeof node.value === "string") ||
    (node.type === "BinaryExpression" && (isText(node.left) || isText(node.right)));
}

/** Reports the edits of one file. */
class Reporter {
  readonly #context: Deno.lint.RuleContext;

  constructor(context: Deno.lint.RuleContext) {
    this.#context = context;
  }

  textOf(node: Node): string {
    return this.#context.sourceCode.getText(node);
  }

  replace(node: Node, mutator: string, text: string, range: Deno.lint.Range = node.range): void {
    const [start, end] = range;
    const within = nameScope(this.#context.sourceCode.getAncestors(node));
    const edit: Edit = { mutator, start, end, text, within };
    this.#context.report({ range: node.range, message: JSON.stringify(edit) });
  }

  /** Reports a condition that is negated, or constant. */
  condition(test: Node | null, isLoop: boolean): void {
    if (test === null) return;
    // Other mutators negate these conditions.
    const isNegated = (test.type === "BinaryExpression" && isComparison(test.operator)) ||
      (test.type === "UnaryExpression" && test.operator === "!");
    if (!isNegated) this.replace(test, "negated condition", `!(${this.textOf(test)})`);
    this.replace(test, "condition never met", "false");
    if (!isLoop) this.replace(test, "condition always met", "true");
  }

  /** Reports an operator that is replaced by another one. */
  operator(
    node: NodeOf<"BinaryExpression" | "LogicalExpression" | "AssignmentExpression">,
    mutator: string,
  ): void {
    const { operator, left, right } = node;
    const between = this.#context.sourceCode.text.slice(left.range[1], right.range[0]);
    for (const { 0: found, index } of between.matchAll(COMMENT_OR_OPERATOR_REGEXP)) {
      if (found !== operator) continue;
      const start = left.range[1] + index;
      for (const text of OPERATORS[operator] ?? []) {
        this.replace(node, mutator, text, [start, start + operator.length]);
      }
      return;
    }
  }

  /** Reports a dropped statement. */
  drop(node: Node): void {
    this.replace(node, "dropped statement", ";");
  }
}

/** The plugin. */
const plugin: Deno.lint.Plugin = {
  name: "mutation",
  rules: {
    mutants: {
      create(context): Deno.lint.LintVisitor {
        const reporter = new Reporter(context);
        return {
          IfStatement: ({ test }) => reporter.condition(test, false),
          ConditionalExpression: ({ test }) => reporter.condition(test, false),
          WhileStatement: ({ test }) => reporter.condition(test, true),
          DoWhileStatement: ({ test }) => reporter.condition(test, true),
          ForStatement: ({ test }) => reporter.condition(test, true),
          LogicalExpression(node) {
            if (node.operator === "??") {
              reporter.replace(node, "dropped fallback", reporter.textOf(node.left));
            } else {
              reporter.operator(node, "logical operator");
            }
          },
          BinaryExpression(node) {
            if (node.operator !== "+" || !(isText(node.left) || isText(node.right))) {
              reporter.operator(node, isComparison(node.operator) ? "comparison" : "arithmetic");
            }
          },
          AssignmentExpression: (node) => reporter.operator(node, "assignment"),
          UpdateExpression(node) {
            const text = node.operator === "++" ? "--" : "++";
            const [start, end] = node.range;
            reporter.replace(
              node,
              "counting the other way",
              text,
              node.prefix ? [start, start + 2] : [end - 2, end],
            );
          },
          UnaryExpression(node) {
            if (!["!", "-", "~"].includes(node.operator)) return;
            if (node.parent.type === "TSLiteralType") return;
            reporter.replace(node, "dropped sign", reporter.textOf(node.argument));
          },
          Literal(node) {
            const { parent, value } = node;
            if (parent.type === "TSLiteralType") return;
            if (typeof value === "boolean") reporter.replace(node, "boolean", String(!value));
            if (typeof value === "number" && Number.isSafeInteger(value + 1)) {
              reporter.replace(node, "off by one", String(value + 1));
            }
          },
          ExpressionStatement(node) {
            const { expression } = node;
            // A constructor without `super()` would always throw.
            if (expression.type === "CallExpression" && expression.callee.type === "Super") return;
            reporter.drop(node);
          },
          ReturnStatement: (node) => reporter.drop(node),
          ThrowStatement: (node) => reporter.drop(node),
          BreakStatement: (node) => reporter.drop(node),
          ContinueStatement: (node) => reporter.drop(node),
          ForOfStatement: (node) => reporter.drop(node),
        };
      },
    },
  },
};
export default plugin;
