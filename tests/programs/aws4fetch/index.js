import { AwsClient, AwsV4Signer } from "aws4fetch";

const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/vector") {
      // "get-vanilla" of AWS's test suite for signature version 4.
      const signer = new AwsV4Signer({
        ...keys,
        url: "https://example.amazonaws.com/",
        service: "service",
        region: "us-east-1",
        datetime: "20150830T123600Z",
      });
      const { headers } = await signer.sign();
      return new Response(headers.get("authorization"));
    }
    const aws = new AwsClient({ ...keys, service: "s3", region: "eu-central-1", retries: 0 });
    const response = await aws.fetch(`${env.ORIGIN}/echo`, { method: "PUT", body: "an object" });
    const seen = await response.json();
    const authorization = seen.headers.authorization ?? Object.fromEntries(seen.headers).authorization;
    return Response.json({ method: seen.method, bytes: seen.body_bytes, signed: String(authorization).slice(0, 16) });
  },
};
