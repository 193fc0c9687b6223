// Writes the part of CloudFormation's resource specification that the exported templates use, as the checker in
// limits/export/cfn_test.go reads it: run it when a template gains a type, or the specification changes.
//
//   npm install --no-save @aws-cdk/aws-service-spec@0.1.216
//   node gen-subset.js $(cat types) > ../../../limits/export/testdata/cfn/subset.json
const { loadAwsServiceSpecSync } = require('@aws-cdk/aws-service-spec');

const db = loadAwsServiceSpecSync();
const open = []; // the types that are being written, so that a type within itself ends

function convert(t) {
  switch (t.type) {
    case 'ref': return { ref: properties(db.get('typeDefinition', t.reference.$ref).properties) };
    case 'array': return { list: convert(t.element) };
    case 'map': return { map: convert(t.element) };
    case 'union': return { any: t.types.map(convert) };
  }
  return t.allowedValues ? { type: t.type, values: t.allowedValues } : { type: t.type };
}

function properties(all) {
  if (open.includes(all)) return {};
  open.push(all);
  const out = {};
  for (const [name, p] of Object.entries(all)) {
    out[name] = convert(p.type);
    if (p.required) out[name].required = true;
  }
  open.pop();
  return out;
}

const subset = {};
for (const type of process.argv.slice(2)) {
  subset[type] = properties(db.lookup('resource', 'cloudFormationType', 'equals', type).only().properties);
}
process.stdout.write(JSON.stringify(subset) + '\n');
