/**
 * Which settings a source file reads, by its syntax: `config.name`, or `name` taken apart from a `config` or from a
 * parameter that is one. What only names a setting (a list, a table, a file's metadata) reads nothing.
 */
import ts from 'typescript';

/** @param names of settings @returns those that `source` reads */
export function settingsRead(source: string, names: ReadonlySet<string>): Set<string> {
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true);
  const read = new Set<string>();
  const add = (name: string) => {
    if (names.has(name)) read.add(name);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && isConfig(node.expression)) add(node.name.text);
    if (
      ts.isElementAccessExpression(node) &&
      isConfig(node.expression) &&
      ts.isStringLiteral(node.argumentExpression)
    )
      add(node.argumentExpression.text);
    if (
      (ts.isVariableDeclaration(node) || ts.isParameter(node)) &&
      ts.isObjectBindingPattern(node.name) &&
      ((node.initializer && isConfig(node.initializer)) || /\bTrainConfig\b/.test(node.type?.getText() ?? ''))
    )
      for (const { propertyName, name } of node.name.elements) add((propertyName ?? name).getText());
    ts.forEachChild(node, visit);
  };
  visit(file);
  return read;
}

/** `config`, `run.config`, `this.config`. */
function isConfig(expression: ts.Expression): boolean {
  if (ts.isIdentifier(expression)) return expression.text === 'config';
  return ts.isPropertyAccessExpression(expression) && expression.name.text === 'config';
}
