// Writes the arguments of the provider's resources that the exported Terraform uses, as terraform_test.go reads them: run
// it when a template gains a resource, or the provider changes. The package of types is 37 MB, so the list is committed.
//
//   npm pack @cdktf/provider-aws@21.22.1 && tar xzf cdktf-provider-aws-*.tgz
//   node gen-attributes.js package/lib $(cat resources) > attributes.json
const fs = require('fs');

const [lib, ...resources] = process.argv.slice(2);

// interfaces reads the declared arguments: their names in Terraform are the anchors of the links to the documentation.
function interfaces(text) {
  const all = {};
  let current = null;
  let anchor = '';
  for (const line of text.split('\n')) {
    const head = line.match(/^export interface (\w+)/);
    if (head) { current = all[head[1]] = {}; continue; }
    if (/^}/.test(line)) current = null;
    const link = line.match(/docs\/[\w-]+\/\w+#(\w+)/);
    if (link) anchor = link[1];
    const member = line.match(/^    readonly \w+(\??): ([\w.]*)/);
    if (current && member) current[anchor] = { required: member[1] === '', type: member[2] };
  }
  return all;
}

function tree(all, name) {
  const out = {};
  for (const [key, { required, type }] of Object.entries(all[name])) {
    out[key] = { ...(required && { required }), ...(all[type] && { block: tree(all, type) }) };
  }
  return out;
}

const list = {};
for (const r of resources) {
  const folder = r.replace(/^aws_/, '').replaceAll('_', '-');
  const all = interfaces(fs.readFileSync(`${lib}/${folder}/index.d.ts`, 'utf8'));
  list[r] = tree(all, Object.keys(all).find((n) => n.endsWith('Config')));
}
process.stdout.write(JSON.stringify(list) + '\n');
