-- The same changes as benches/workers/header-rewrite.
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace("x-edge", "nano")
  headers:remove("x-debug")
end

function envoy_on_response(handle)
  local headers = handle:headers()
  headers:replace("strict-transport-security", "max-age=31536000; includeSubDomains")
  headers:replace("x-content-type-options", "nosniff")
  headers:replace("referrer-policy", "strict-origin-when-cross-origin")
  headers:remove("x-powered-by")
end
