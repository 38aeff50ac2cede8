# What the environment handed out arrives as var.environment.outputs.
resource "terraform_data" "app" {
  input = {
    name    = "${var.service.name}-${var.service_instance.name}"
    network = var.environment.outputs.Cidr
    port    = var.service_instance.inputs.port
  }
}

output "Url" {
  value = "http://${terraform_data.app.output.name}:${terraform_data.app.output.port}"
}

output "Network" {
  value = terraform_data.app.output.network
}
