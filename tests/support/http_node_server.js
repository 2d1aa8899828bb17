// An HTTP shard of Node.js, with a WebSocket that echoes. Usage: node http_node_server.js PORT
'use strict';
const http = require('http');
const crypto = require('crypto');

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const BLOCK = Buffer.from('0123456789abcdef'.repeat(4096));

function count(request, response) {
    const hash = request.url.includes('hash') ? crypto.createHash('sha1') : null;
    let size = 0;
    request.on('data', (data) => {
        size += data.length;
        if (hash) hash.update(data);
    });
    request.on('end', () => {
        response.end(JSON.stringify({ size, sha1: hash ? hash.digest('hex') : null,
            trailers: request.rawTrailers }));
    });
}

function stream(request, response, chunked) {
    let left = Number(new URL(request.url, 'http://x').searchParams.get('size'));
    if (!chunked) response.setHeader('Content-Length', left);
    const more = () => {
        while (left > 0) {
            const piece = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
            left -= piece.length;
            if (!response.write(piece)) {
                response.once('drain', more);
                return;
            }
        }
        response.end();
    };
    more();
}

function answer(request, response) {
    const path = request.url.split('?')[0];
    if (path === '/hello') {
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        response.end('hello from node\n');
    } else if (path === '/fields') {
        request.resume();
        response.end(JSON.stringify({ method: request.method, url: request.url,
            raw: request.rawHeaders }));
    } else if (path === '/echo') {
        response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
        request.pipe(response);
    } else if (path === '/count') {
        count(request, response);
    } else if (path === '/length') {
        stream(request, response, false);
    } else if (path === '/chunked') {
        stream(request, response, true);
    } else if (path === '/trailers') {
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write('hello');
        response.addTrailers({ 'X-Sum': '42' });
        response.end();
    } else if (path === '/events') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        let n = 0;
        const timer = setInterval(() => {
            response.write(`data: ${n}\n\n`);
            if (++n === 5) {
                clearInterval(timer);
                response.end();
            }
        }, 20);
    } else if (path === '/hints') {
        if (response.writeEarlyHints) response.writeEarlyHints({ link: '</a.css>; rel=preload' });
        response.end('hinted');
    } else {
        response.statusCode = 404;
        response.end('no such thing\n');
    }
}

// One WebSocket frame of [data], or null: {opcode, payload, rest}.
function parseFrame(data) {
    if (data.length < 2) return null;
    let length = data[1] & 127;
    let at = 2;
    if (length === 126) {
        if (data.length < 4) return null;
        length = data.readUInt16BE(2);
        at = 4;
    } else if (length === 127) {
        if (data.length < 10) return null;
        length = Number(data.readBigUInt64BE(2));
        at = 10;
    }
    const masked = (data[1] & 128) !== 0;
    if (data.length < at + (masked ? 4 : 0) + length) return null;
    let payload = data.subarray(at + (masked ? 4 : 0), at + (masked ? 4 : 0) + length);
    if (masked) {
        const mask = data.subarray(at, at + 4);
        payload = Buffer.from(payload.map((byte, i) => byte ^ mask[i & 3]));
    }
    return { opcode: data[0] & 15, payload, rest: data.subarray(at + (masked ? 4 : 0) + length) };
}

function frame(opcode, payload) {
    let head;
    if (payload.length < 126) {
        head = Buffer.from([128 | opcode, payload.length]);
    } else if (payload.length < 65536) {
        head = Buffer.alloc(4);
        head[0] = 128 | opcode;
        head[1] = 126;
        head.writeUInt16BE(payload.length, 2);
    } else {
        head = Buffer.alloc(10);
        head[0] = 128 | opcode;
        head[1] = 127;
        head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    return Buffer.concat([head, payload]);
}

function upgrade(request, socket, head) {
    const accept = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + GUID)
        .digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\r\n' +
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    let pending = head;
    const take = (data) => {
        pending = Buffer.concat([pending, data]);
        for (let one = parseFrame(pending); one; one = parseFrame(pending)) {
            pending = one.rest;
            socket.write(frame(one.opcode, one.payload));
            if (one.opcode === 8) socket.end();
        }
    };
    socket.on('data', take);
    socket.on('error', () => socket.destroy());
    take(Buffer.alloc(0));
}

module.exports = { parseFrame, GUID };
if (require.main === module) {
    const server = http.createServer(answer);
    server.on('upgrade', upgrade);
    server.listen(Number(process.argv[2]), '127.0.0.1');
}
