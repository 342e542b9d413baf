/**
 * The small mistakes that the tests must notice: a plugin for `deno lint` that reports, instead of
 * faults, each way to change a file by one of them. So the parser, the syntax tree and its
 * traversal are Deno's, and there is nothing to install.
 *
 * Each diagnostic's message is an {@linkcode Edit} in JSON. What changes no behaviour by its nature
 * (types) or is only wording (texts, regular expressions) is left alone.
 *
 * @module
 */

/** One way to change a file. */
export interface Edit {
  /** What kind of mistake it is. */
  readonly mutator: string;
  /** Where in the file the text begins that is replaced, in UTF-16 code units. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** What takes its place. */
  readonly text: string;
  /** The class and functions around it, such as `Counter.inc`; empty at the top of a module. */
  readonly within: string;
}

type Node = Deno.lint.Node;
type NodeOf<T extends Node["type"]> = Extract<Node, { type: T }>;

/** For each operator those that may be written in its place by mistake. */
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

/** A comment, or an operator's characters. */
const COMMENT_OR_OPERATOR_REGEXP = /\/\*[^]*?\*\/|\/\/[^\n]*|[-+*/%<>=!&|^?]+/g;

/** The names of a node and of what is around it, from the outside in. */
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

/** Whether an operand of `+` is certainly text. */
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

  /** A condition that is negated, or has no say. */
  condition(test: Node | null, isLoop: boolean): void {
    if (test === null) return;
    // These are negated by other mutators.
    const isNegated = (test.type === "BinaryExpression" && isComparison(test.operator)) ||
      (test.type === "UnaryExpression" && test.operator === "!");
    if (!isNegated) this.replace(test, "negated condition", `!(${this.textOf(test)})`);
    this.replace(test, "condition never met", "false");
    if (!isLoop) this.replace(test, "condition always met", "true");
  }

  /** An operator that is another one. */
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

  /** A statement that was forgotten. */
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
            // Without it a constructor would throw in any case.
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
