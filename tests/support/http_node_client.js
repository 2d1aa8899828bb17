// HTTP and WebSocket clients of Node.js that check what they get.
// Usage: node http_node_client.js PORT. Prints "ok" and the number of checks, or the first failure and exits with 1.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const http = require('http');
const { parseFrame, GUID } = require('./http_node_server.js');

const port = Number(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
let checks = 0;

function ask(method, path, options = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request({ port, host: '127.0.0.1', method, path, agent,
            headers: options.headers || {} });
        const interim = [];
        request.on('information', (info) => interim.push(info.statusCode));
        request.on('error', reject);
        request.on('response', (response) => {
            const parts = [];
            response.on('data', (data) => parts.push(data));
            response.on('error', reject);
            response.on('end', () => resolve({ response, interim, body: Buffer.concat(parts) }));
        });
        if (options.onContinue) {
            request.on('continue', () => request.end(options.body));
            request.flushHeaders();
        } else if (options.pieces) {
            for (const piece of options.pieces) request.write(piece);
            request.end();
        } else {
            request.end(options.body);
        }
    });
}

async function requests() {
    const many = [];
    for (let i = 0; i < 200; i++) {
        many.push(ask('GET', `/fields?n=${i}`).then(({ body }) => {
            assert.strictEqual(JSON.parse(body).url, `/fields?n=${i}`);
            checks++;
        }));
    }
    await Promise.all(many);
    const hello = await ask('GET', '/hello');
    assert.deepStrictEqual(hello.response.headers['set-cookie'], ['a=1', 'b=2']);
    assert.strictEqual(hello.body.toString(), 'hello from node\n');
    const head = await ask('HEAD', '/hello');
    assert.strictEqual(head.body.length, 0);
    const missing = await ask('GET', '/missing');
    assert.strictEqual(missing.response.statusCode, 404);
    const events = await ask('GET', '/events');
    assert.strictEqual(events.body.toString(),
        [0, 1, 2, 3, 4].map((n) => `data: ${n}\n\n`).join(''));
    const trailers = await ask('GET', '/trailers', { headers: { TE: 'trailers' } });
    assert.strictEqual(trailers.response.trailers['x-sum'], '42');
    checks += 5;
}

async function bodies() {
    const data = crypto.randomBytes(300000);
    const sha1 = crypto.createHash('sha1').update(data).digest('hex');
    const pieces = [data.subarray(0, 7), data.subarray(7, 100000), data.subarray(100000)];
    const chunked = await ask('POST', '/count?hash', { pieces });
    assert.strictEqual(JSON.parse(chunked.body).sha1, sha1);
    const sized = await ask('PUT', '/count?hash', { body: data,
        headers: { 'Content-Length': data.length } });
    assert.strictEqual(JSON.parse(sized.body).sha1, sha1);
    const echoed = await ask('POST', '/echo', { pieces: [data] });
    assert.ok(echoed.body.equals(data));
    const expected = await ask('POST', '/count?hash', { body: data, onContinue: true,
        headers: { Expect: '100-continue', 'Content-Length': data.length } });
    assert.strictEqual(JSON.parse(expected.body).sha1, sha1);
    checks += 4;
}

function clientFrame(opcode, payload) {
    const mask = crypto.randomBytes(4);
    const head = payload.length < 126 ? Buffer.from([128 | opcode, 128 | payload.length])
        : Buffer.alloc(10);
    if (payload.length >= 126) {
        head[0] = 128 | opcode;
        head[1] = 128 | 127;
        head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    return Buffer.concat([head, mask, Buffer.from(payload.map((byte, i) => byte ^ mask[i & 3]))]);
}

function websocket() {
    return new Promise((resolve, reject) => {
        const key = crypto.randomBytes(16).toString('base64');
        const request = http.request({ port, host: '127.0.0.1', path: '/ws', headers: {
            Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Key': key,
            'Sec-WebSocket-Version': 13 } });
        request.on('error', reject);
        request.on('response', (response) =>
            reject(new Error(`no upgrade: ${response.statusCode}`)));
        request.on('upgrade', (response, socket, head) => {
            const accept = crypto.createHash('sha1').update(key + GUID).digest('base64');
            assert.strictEqual(response.headers['sec-websocket-accept'], accept);
            const messages = [Buffer.from('hello'), crypto.randomBytes(70000),
                crypto.randomBytes(300), Buffer.alloc(0)];
            let pending = head;
            let n = 0;
            socket.on('data', (data) => {
                pending = Buffer.concat([pending, data]);
                for (let one = parseFrame(pending); one; one = parseFrame(pending)) {
                    pending = one.rest;
                    if (one.opcode === 2) assert.ok(one.payload.equals(messages[n++]));
                    if (one.opcode === 8) assert.strictEqual(n, messages.length);
                }
            });
            socket.on('error', reject);
            socket.on('close', () => (n === messages.length ? resolve(checks++)
                : reject(new Error(`${n} messages`))));
            for (const message of messages) socket.write(clientFrame(2, message));
            socket.write(clientFrame(8, Buffer.from([3, 232])));
        });
        request.end();
    });
}

async function main() {
    await requests();
    await bodies();
    await Promise.all([websocket(), websocket(), websocket(), requests()]);
    agent.destroy();
    console.log(`ok ${checks}`);
}

main().catch((error) => {
    console.log(error.stack);
    process.exit(1);
});
