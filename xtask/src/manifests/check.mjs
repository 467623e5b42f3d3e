// Checks Kubernetes manifests against the schemas of the packages `kubernetes-models` and its kin.
// Given to node with --eval; its arguments: JSON, a package's directory by the end of the API groups it has, and files.
import fs from "node:fs";
import path from "node:path";
import os from "node:os";
import { createRequire } from "node:module";

const [packages, ...files] = process.argv.slice(1).filter((text) => text !== "--");
const directories = JSON.parse(packages);
const yaml = createRequire(path.join(directories.yaml, "/"))(directories.yaml);

/** The file, without `.js`, with the class of this kind. */
function model(apiVersion, kind) {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  const ends = Object.keys(directories).filter((end) => group.endsWith(end));
  ends.sort((a, b) => b.length - a.length);
  // Groups of Kubernetes itself have no package of their own, and some lose their domain there.
  const directory = directories[ends[0] ?? "kubernetes"];
  for (const place of [apiVersion, apiVersion.replace(/\.k8s\.io\//, "/")]) {
    const file = path.join(directory, place, kind);
    if (fs.existsSync(`${file}.js`)) return file;
  }
  throw new Error(`no schema for ${apiVersion} ${kind} in ${directory}`);
}

/** Kustomize has no published schema: what it names has to be there. */
function kustomization(document, directory) {
  const named = [
    ...(document.resources ?? []),
    ...(document.patches ?? []).map((patch) => patch.path),
    ...(document.configMapGenerator ?? []).flatMap((map) => map.files.map((file) => file.split("=").pop())),
  ];
  for (const file of named) {
    if (!fs.existsSync(path.join(directory, file))) throw new Error(`there is no ${file}`);
  }
}

const typed = [];
let failed = 0;
let checked = 0;
for (const file of files) {
  for (const document of yaml.parseAllDocuments(fs.readFileSync(file, "utf8"))) {
    try {
      if (document.errors.length > 0) throw document.errors[0];
      const value = document.toJS();
      if (value?.apiVersion?.startsWith("kustomize.config.k8s.io/")) {
        kustomization(value, path.dirname(file));
      } else if (value?.kind) {
        const home = model(value.apiVersion, value.kind);
        // A patch is a part of what it patches.
        const whole = file.endsWith("/sidecar/container.yaml") ? complete(value) : value;
        const Model = createRequire(`${home}.js`)(`${home}.js`)[value.kind];
        new Model(whole).validate();
        typed.push({ file, home, kind: value.kind, whole });
      } else {
        throw new Error("neither an apiVersion nor a kind");
      }
      checked += 1;
    } catch (error) {
      failed += 1;
      console.error(`${file}: ${error.message}`);
    }
  }
}

/** The patch of a Deployment, with what every Deployment has. */
function complete(patch) {
  const spec = patch.spec.template.spec;
  return {
    ...patch,
    spec: {
      selector: { matchLabels: { app: "any" } },
      template: {
        metadata: { labels: { app: "any" } },
        spec: { containers: [{ name: "any", image: "any" }], ...spec },
      },
    },
  };
}

/** The schemas let unknown keys pass; the types that belong to them don't. */
function unknownKeys() {
  const ts = createRequire(path.join(directories.typescript, "/"))(directories.typescript);
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "nano-manifests-"));
  const sources = typed.map(({ home, kind, whole }, number) => {
    const source = path.join(scratch, `${number}.ts`);
    const text = `import type { I${kind} } from ${JSON.stringify(home)};\nexport const it: I${kind} = `;
    fs.writeFileSync(source, `${text}${JSON.stringify(whole, null, 1)};\n`);
    return source;
  });
  const options = { noEmit: true, skipLibCheck: true, strict: true, types: [] };
  options.moduleResolution = ts.ModuleResolutionKind.Node10;
  const program = ts.createProgram(sources, options);
  for (const found of ts.getPreEmitDiagnostics(program)) {
    const number = sources.indexOf(found.file?.fileName);
    failed += 1;
    const line = found.file?.text.slice(found.start, found.start + found.length) ?? "";
    console.error(`${typed[number]?.file}: ${line}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
  }
  fs.rmSync(scratch, { recursive: true });
}

unknownKeys();
console.log(`${checked} manifests fit their schemas, ${failed} do not`);
process.exit(failed > 0 || checked === 0 ? 1 : 0);
