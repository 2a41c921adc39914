// Asks @trustnxt/c2pa-ts about files: one path a line on stdin, one JSON object a line on stdout.
//
//     node benchmarks/c2pa_ts.mjs NODE_MODULES < paths
//
// "read" is false for a format the library does not know. Trust is not asked: the library has no chain validation.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const dist = resolve(process.argv[2], '@trustnxt/c2pa-ts/dist');
const load = name => import(pathToFileURL(resolve(dist, name, 'index.js')).href);
const [{ BMFF, JPEG, MP3, PNG }, { SuperBox }, { ManifestStore, ValidationResult }] = await Promise.all(
    ['asset', 'jumbf', 'manifest'].map(load),
);
const formats = [JPEG, PNG, BMFF, MP3].filter(Boolean);

async function examine(path) {
    const bytes = await readFile(path);
    let result;
    try {
        const format = formats.find(candidate => candidate.canRead(bytes));
        if (!format) return { path, read: false };
        const asset = new format(bytes);
        const store = asset.getManifestJUMBF();
        if (!store) return { path, read: true, intact: false, codes: ['no manifest found'] };
        result = await ManifestStore.read(SuperBox.fromBuffer(store)).validate(asset);
    } catch (error) {
        result = ValidationResult.fromError(error);
    }
    const failures = result.statusEntries.filter(entry => !entry.success);
    return {
        path,
        read: true,
        intact: result.isValid,
        codes: failures.map(entry => [entry.code, entry.url, entry.explanation].filter(Boolean).join(' ')),
    };
}

for await (const path of createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await examine(path)) + '\n');
}
