// Sends COUNT requests, numbered, over CONNECTIONS connections that stay open: client.cjs PORT COUNT CONNECTIONS PATH [METHOD].
// In PATH, %d is the request's number and %w a word that is different for each and has no digit. Prints how many had their answer.
const { Agent, request } = require('node:http');

const [port, count, connections, path, method = 'GET', body = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const word = (n) => n.toString(26).replace(/\d/g, (d) => 'qrstuvwxyz'[d]);
let next = 0;
let answered = 0;

function one() {
  if (next >= Number(count)) return Promise.resolve();
  const n = next++;
  const of = path.replace('%d', String(n)).replace('%w', `w-${word(n)}`);
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path: of, method, agent }, (response) => {
      let text = '';
      response
        .on('data', (chunk) => (text += chunk))
        .on('end', () => {
          if (method !== 'HEAD' && text !== `${method} ${of.split('?')[0]}`)
            reject(new Error(`to ${of} came ${text}`));
          answered++;
          resolve();
        });
    });
    sent.on('error', reject);
    sent.end(body);
  }).then(one);
}

Promise.all(Array.from({ length: Number(connections) }, one)).then(() => {
  console.log(answered);
  agent.destroy();
});
