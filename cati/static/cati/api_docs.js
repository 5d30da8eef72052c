// Draws the API's description; a file of its own, because the policy allows no inline script.

SwaggerUIBundle({
  url: document.getElementById("swagger-ui").dataset.schema,
  dom_id: "#swagger-ui",
  deepLinking: true,
});
